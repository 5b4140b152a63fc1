import tickwire as tw

for batch in tw.open("nasdaq").stream("mbp-1", symbols="AHZH"):
    for best, doubt in zip(batch.records, batch.maybe_bad):
        bid, ask = tw.price(best["bid_px_00"]), tw.price(best["ask_px_00"])
        mark = " (may be wrong)" if doubt else ""
        print(f"{best['bid_sz_00']} x {bid} | {ask} x {best['ask_sz_00']}{mark}")
