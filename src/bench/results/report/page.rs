//! The page's building blocks: sections, tables, figures with their keys, and words that cannot become markup.

use std::fmt::{self, Display, Write};
use std::io;

use super::chart::Chart;
use super::ink::Ink;
use crate::bench::results::readable::turns_writing;

/// Words that came from elsewhere, as text of the page: they name files, and files may be called anything.
pub(super) struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '\n' | '\t' => f.write_str(" "),
            // No page may hold them, and those that turn the direction of writing would shuffle what stands beside them.
            c if c.is_control() || turns_writing(c) => f.write_char('\u{fffd}'),
            c => f.write_char(c),
        })
    }
}

/// How a callout is meant; said in words as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Callout {
    Plain,
    Warning,
}

/// What a key shows beside a name.
#[derive(Clone, Copy)]
pub(super) enum Swatch {
    /// Line and mark.
    Line,
    /// A line without marks.
    Stroke,
    /// A filled square with a number in it.
    Bar(usize),
    /// The mark alone, whole or hollow.
    Mark { whole: bool },
}

/// The page's body as it grows.
#[derive(Default)]
pub(super) struct Page {
    html: String,
    /// Of sections: anchor and title.
    pub contents: Vec<(&'static str, &'static str)>,
}

/// A table: names at the left, figures right.
#[derive(Default)]
pub(super) struct Table {
    /// What it is of.
    pub caption: String,
    /// Heads of the columns, the first over the names.
    pub head: Vec<String>,
    /// Rows, names first; what follows a line's end in a figure stands small below it.
    pub rows: Vec<Vec<String>>,
    /// Columns at the left that are words.
    pub words: usize,
}

impl Page {
    /// What was written.
    pub(super) fn html(&self) -> &str {
        &self.html
    }

    /// Opens a section.
    pub(super) fn section(&mut self, anchor: &'static str, title: &'static str, intro: &str) {
        self.contents.push((anchor, title));
        self.put(format_args!("<section id=\"{anchor}\">\n<h2>{}</h2>\n", Escaped(title)));
        self.paragraph(intro);
    }

    /// Closes it.
    pub(super) fn end_section(&mut self) {
        self.html += "</section>\n";
    }

    /// A paragraph; nothing for no words.
    pub(super) fn paragraph(&mut self, words: &str) {
        if !words.is_empty() {
            self.put(format_args!("<p>{}</p>\n", Escaped(words)));
        }
    }

    /// A heading below a section's.
    pub(super) fn heading(&mut self, words: &str) {
        self.put(format_args!("<h3>{}</h3>\n", Escaped(words)));
    }

    /// A sentence that must not be overlooked.
    pub(super) fn callout(&mut self, callout: Callout, words: &str) {
        match callout {
            Callout::Plain => self.put(format_args!("<p class=\"callout\">{}</p>\n", Escaped(words))),
            Callout::Warning => self.put(format_args!("<p class=\"callout warning\"><strong>Warning:</strong> {}</p>\n", Escaped(words))),
        }
    }

    /// A chart with its key and what there is to say of it.
    pub(super) fn figure(&mut self, chart: &Chart, key: &[(Ink, Swatch, String)], caption: &str) -> io::Result<()> {
        self.html += "<figure>\n";
        if !key.is_empty() {
            self.html += "<ul class=\"key\">\n";
            for (ink, swatch, name) in key {
                self.put(format_args!("<li>{}<span>{}</span></li>\n", swatch_svg(*ink, *swatch), Escaped(name)));
            }
            self.html += "</ul>\n";
        }
        self.html += &chart.html()?;
        if !caption.is_empty() {
            self.put(format_args!("<figcaption>{}</figcaption>\n", Escaped(caption)));
        }
        self.html += "</figure>\n";
        Ok(())
    }

    /// A table.
    pub(super) fn table(&mut self, table: &Table) {
        self.put(format_args!(
            "<div class=\"scroll\" tabindex=\"0\">\n<table>\n<caption>{}</caption>\n<thead><tr>",
            Escaped(&table.caption)
        ));
        for (nth, head) in table.head.iter().enumerate() {
            let class = if nth < table.words.max(1) { " class=\"words\"" } else { "" };
            self.put(format_args!("<th scope=\"col\"{class}>{}</th>", Escaped(head)));
        }
        self.html += "</tr></thead>\n<tbody>\n";
        for row in &table.rows {
            self.html += "<tr>";
            for (nth, cell) in row.iter().enumerate() {
                match nth {
                    0 => self.put(format_args!("<th scope=\"row\">{}</th>", Escaped(cell))),
                    _ if nth < table.words => self.put(format_args!("<td class=\"words\">{}</td>", Escaped(cell))),
                    _ => match cell.split_once('\n') {
                        Some((figure, below)) => {
                            self.put(format_args!("<td>{}<br><small>{}</small></td>", Escaped(figure), Escaped(below)))
                        }
                        None => self.put(format_args!("<td>{}</td>", Escaped(cell))),
                    },
                }
            }
            self.html += "</tr>\n";
        }
        self.html += "</tbody>\n</table>\n</div>\n";
    }

    /// A long table, folded away.
    pub(super) fn folded(&mut self, summary: &str, table: &Table) {
        self.put(format_args!("<details>\n<summary>{}</summary>\n", Escaped(summary)));
        self.table(table);
        self.html += "</details>\n";
    }

    /// Words to be typed.
    pub(super) fn command(&mut self, command: &str) {
        self.put(format_args!("<pre><code>{}</code></pre>\n", Escaped(command)));
    }

    /// Markup that is ours.
    pub(super) fn put(&mut self, markup: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.html.write_fmt(markup);
    }
}

/// A piece of a line, a bar or a mark, as the chart has it.
fn swatch_svg(ink: Ink, swatch: Swatch) -> String {
    let colour = format!("var(--{})", ink.variable());
    match swatch {
        Swatch::Line | Swatch::Stroke => {
            let shape = if matches!(swatch, Swatch::Line) { mark_svg(ink, &colour, true) } else { String::new() };
            let dashes = ink.dashes();
            let dashes = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
            let line = format!("<path d=\"M0 70H360\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"20\"{dashes}/>");
            format!("<svg class=\"swatch\" viewBox=\"0 0 360 140\" aria-hidden=\"true\">{line}{shape}</svg>")
        }
        Swatch::Bar(number) => format!("<b class=\"bar\" style=\"background:{colour}\">{number}</b>"),
        Swatch::Mark { whole } => {
            let shape = mark_svg(ink, &colour, whole);
            format!("<svg class=\"swatch mark\" viewBox=\"100 0 160 140\" aria-hidden=\"true\">{shape}</svg>")
        }
    }
}

fn mark_svg(ink: Ink, colour: &str, whole: bool) -> String {
    let fill = if whole { colour } else { "var(--paper)" };
    let style = format!("fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"15\"");
    let points = match ink {
        Ink::Series(nth) => match nth % super::ink::SERIES {
            0 => return format!("<circle cx=\"180\" cy=\"70\" r=\"42\" {style}/>"),
            1 => "140,30 220,30 220,110 140,110",
            2 => "180,20 228,106 132,106",
            3 => "180,12 238,70 180,128 122,70",
            4 => "180,120 228,34 132,34",
            _ => "118,48 242,48 242,92 118,92",
        },
        _ => return String::new(),
    };
    format!("<polygon points=\"{points}\" {style}/>")
}
