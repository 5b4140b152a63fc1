//! The picture on a terminal.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use super::watch::Picture;

/// The terminal, taken over for as long as this lives.
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self(ratatui::try_init()?))
    }

    /// Draws; `true` if the user wants to leave.
    pub(super) fn draw(&mut self, picture: &Picture) -> io::Result<bool> {
        self.0.draw(|frame| {
            let areas = Layout::vertical([Constraint::Length(6), Constraint::Length(6), Constraint::Min(4)]).split(frame.area());
            let [ring, feed] = picture.counts_text();
            let heads = [("channels", picture.channels_text()), ("ring", ring), ("feed", feed), ("dropped", picture.drops_text())];
            let head: Vec<Line<'_>> = heads.map(|(name, text)| Line::from(format!("{name:<9} {text}"))).into();
            let style = if picture.writer == "alive" { Style::new() } else { Style::new().fg(Color::Yellow) };
            let title = Line::from(format!(" {} ", picture.title())).style(style);
            let leave = Line::from(" q leaves ").right_aligned();
            frame.render_widget(Paragraph::new(head).block(Block::bordered().title(title).title(leave)), areas[0]);
            frame.render_widget(latencies(picture), areas[1]);
            frame.render_widget(instruments(picture), areas[2]);
        })?;
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()? {
                let leaves = key.code == KeyCode::Char('q')
                    || key.code == KeyCode::Esc
                    || (key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL));
                if leaves {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

const HEAD: Style = Style::new().add_modifier(Modifier::BOLD);

fn right(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).right_aligned())
}

fn latencies(picture: &Picture) -> Table<'static> {
    let rows = picture.latencies().map(|(name, shown)| {
        let cells = shown.cells().map(right);
        Row::new(std::iter::once(Cell::from(name)).chain(cells))
    });
    let head = ["", "p50", "p90", "p99", "p99.9", "max"];
    let head = Row::new(head.map(|text| right(text.to_owned()))).style(HEAD);
    let widths = std::iter::once(Constraint::Length(22)).chain([Constraint::Length(10); 5]);
    Table::new(rows, widths).header(head).block(Block::bordered().title(" latency "))
}

fn instruments(picture: &Picture) -> Table<'static> {
    let rows = picture.instruments.iter().map(|line| {
        let (mark, style) = if line.good { ("", Style::new()) } else { ("maybe bad", Style::new().fg(Color::Yellow)) };
        Row::new([
            Cell::from(line.symbol.clone()),
            right(line.updates.to_string()),
            right(line.bid_size.to_string()),
            right(line.bid.clone()).style(Style::new().fg(Color::Green)),
            Cell::from(line.offer.clone()).style(Style::new().fg(Color::Red)),
            Cell::from(line.offer_size.to_string()),
            Cell::from(mark),
        ])
        .style(style)
    });
    let right_head = |text: &str| right(text.to_owned());
    let head = Row::new([
        Cell::from("symbol"),
        right_head("updates"),
        right_head("size"),
        right_head("bid"),
        Cell::from("offer"),
        Cell::from("size"),
        Cell::from(""),
    ])
    .style(HEAD);
    let widths = [8, 10, 10, 12, 12, 10, 9].map(Constraint::Length);
    Table::new(rows, widths).header(head).column_spacing(1).block(Block::bordered().title(" busiest instruments "))
}
