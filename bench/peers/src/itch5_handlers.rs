//! What itch5 calls for each message: one handler that counts them all, one that adds up the fields of order messages.

use std::ops::ControlFlow;

use itch5::messages::*;
use itch5::{MessageHandler, Parser};

use crate::decode::{Counts, Sums};

macro_rules! counting {
    ($($method:ident($message:ident) $code:literal,)*) => {
        struct Counting(Counts);

        impl MessageHandler for Counting {
            $(fn $method(&mut self, _: &$message) -> ControlFlow<()> {
                self.0[usize::from($code)] += 1;
                ControlFlow::Continue(())
            })*
        }
    };
}

counting! {
    on_system_event(SystemEvent) b'S',
    on_stock_directory(StockDirectory) b'R',
    on_stock_trading_action(StockTradingAction) b'H',
    on_reg_sho_restriction(RegSHORestriction) b'Y',
    on_market_participant_position(MarketParticipantPosition) b'L',
    on_mwcb_decline_level(MWCBDeclineLevel) b'V',
    on_mwcb_status(MWCBStatus) b'W',
    on_quoting_period_update(QuotingPeriodUpdate) b'K',
    on_luld_auction_collar(LULDAuctionCollar) b'J',
    on_operational_halt(OperationalHalt) b'h',
    on_add_order_no_mpid_attribution(AddOrderNoMPIDAttribution) b'A',
    on_add_order_with_mpid_attribution(AddOrderWithMPIDAttribution) b'F',
    on_order_executed(OrderExecuted) b'E',
    on_order_executed_with_price(OrderExecutedWithPrice) b'C',
    on_order_cancel(OrderCancel) b'X',
    on_order_delete(OrderDelete) b'D',
    on_order_replace(OrderReplace) b'U',
    on_trade(Trade) b'P',
    on_cross_trade(CrossTrade) b'Q',
    on_broken_trade(BrokenTrade) b'B',
    on_net_order_imbalance_indicator(NetOrderImbalanceIndicator) b'I',
    on_retail_price_improvement_indicator(RetailPriceImprovementIndicator) b'N',
    on_direct_listing_with_capital_raise_price_discovery(DirectListingwithCapitalRaisePriceDiscovery) b'O',
}

pub fn counts(blocks: &[u8]) -> Counts {
    let mut counting = Counting([0; 256]);
    Parser::new(blocks).parse_stream(&mut counting).expect("messages of the generator's");
    counting.0
}

macro_rules! adding {
    ($($method:ident($message:ident): $m:ident => $order:expr, $shares:expr, $price:expr;)*) => {
        impl MessageHandler for Sums {
            $(#[inline(always)]
            fn $method(&mut self, $m: &$message) -> ControlFlow<()> {
                self.add($m.timestamp().to_u64(), $m.stock_locate(), $order, $shares, $price);
                ControlFlow::Continue(())
            })*
        }
    };
}

adding! {
    on_add_order_no_mpid_attribution(AddOrderNoMPIDAttribution): m => m.order_reference_number(), m.shares(), m.price().into_u32();
    on_add_order_with_mpid_attribution(AddOrderWithMPIDAttribution): m => m.order_reference_number(), m.shares(), m.price().into_u32();
    on_order_executed(OrderExecuted): m => m.order_reference_number(), m.executed_shares(), 0;
    on_order_executed_with_price(OrderExecutedWithPrice): m =>
        m.order_reference_number(), m.executed_shares(), m.execution_price().into_u32();
    on_order_cancel(OrderCancel): m => m.order_reference_number(), m.cancelled_shares(), 0;
    on_order_delete(OrderDelete): m => m.order_reference_number(), 0, 0;
    on_order_replace(OrderReplace): m =>
        m.original_order_reference_number().wrapping_add(m.new_order_reference_number()), m.shares(), m.price().into_u32();
}

pub fn sums(blocks: &[u8]) -> Sums {
    let mut sums = Sums::default();
    Parser::new(blocks).parse_stream(&mut sums).expect("messages of the generator's");
    sums
}
