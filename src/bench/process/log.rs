//! What a child says: its log, read as it comes, and what of a handler's the benchmark understands.

use std::io::{BufRead, BufReader, Read};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Longest line, and most lines, that are kept: a child that logs without end must not fill our memory.
const LONGEST_LINE_BYTES: u64 = 4096;
const MOST_LINES: usize = 2000;
/// How much of its end is shown.
const SHOWN_LINES: usize = 20;
/// What the one error at the end begins with.
const ERROR: &str = "tickwire: ";

/// The log of one child.
#[derive(Debug)]
pub(in crate::bench) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    /// `None`: read to its end.
    reader: Option<JoinHandle<()>>,
}

impl Log {
    /// Reads it, on a thread of its own, until its end.
    pub fn of(output: Option<ChildStderr>) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let read = move || {
            let Some(output) = output else { return };
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while (&mut output).take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= MOST_LINES {
                    // The beginning says how it runs, the end why it ended.
                    kept.remove(MOST_LINES / 2);
                }
                kept.push(text);
                line.clear();
            }
        };
        Self { lines, reader: std::thread::Builder::new().name("child's log".into()).spawn(read).ok() }
    }

    /// Reads what is left; the child has ended.
    pub fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    /// Whether it has said that it is ready.
    pub fn is_ready(&self) -> bool {
        self.messages(|_, message| message.starts_with("ready: ")).next().is_some()
    }

    /// How it receives, and by which clock.
    pub fn modes(&self) -> Vec<String> {
        const TOLD: [&str; 4] = [": AF_XDP, ", "UDP sockets, ", "program attached, ", "clock: "];
        let told = self.messages(|_, message| TOLD.iter().any(|part| message.contains(part)));
        // Which lane it is goes without saying: it is the only one.
        told.map(|message| message.strip_prefix("lane ").and_then(|rest| Some(rest.split_once(": ")?.1.to_owned())).unwrap_or(message))
            .collect()
    }

    /// Records of all publications, without `latency`.
    pub fn records(&self) -> u64 {
        let told = self.messages(|_, message| message.starts_with("publication /"));
        let counted = told.flat_map(|message| {
            let counts = message.rsplit_once(": ").map(|(_, counts)| counts.to_owned()).unwrap_or_default();
            let count =
                |part: &str| part.split_once(' ').filter(|(schema, _)| *schema != "latency").and_then(|(_, count)| count.parse().ok());
            counts.split(", ").filter_map(count).collect::<Vec<u64>>()
        });
        counted.sum()
    }

    /// Warnings and errors.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles: Vec<String> = self.messages(|level, _| matches!(level, "WARN" | "ERROR")).collect();
        if troubles.len() > 10 {
            let more = troubles.len() - 9;
            troubles.truncate(9);
            troubles.push(format!("and {more} more warnings"));
        }
        troubles
    }

    /// The one error at its end, and the lines below it; `None` if it said none.
    pub fn last_words(&self) -> Option<(String, String)> {
        let lines = self.lines();
        let at = lines.iter().rposition(|line| line.starts_with(ERROR))?;
        let words = lines.get(at)?.strip_prefix(ERROR)?.to_owned();
        Some((words, lines.get(at + 1..).unwrap_or_default().join("\n")))
    }

    /// Whether it says that anywhere.
    pub fn says(&self, words: &str) -> bool {
        self.lines().iter().any(|line| line.contains(words))
    }

    /// The end of it: what people are shown.
    pub fn end(&self) -> String {
        let lines = self.lines();
        lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The messages that are wanted, by level and text; a line is time, level, message.
    fn messages(&self, wanted: impl Fn(&str, &str) -> bool) -> impl Iterator<Item = String> {
        self.lines().into_iter().filter_map(move |line| {
            let (_, rest) = line.split_once(' ')?;
            let (level, message) = rest.trim_start().split_once(' ')?;
            wanted(level, message).then(|| message.to_owned())
        })
    }
}
