//! Counters that any reader can print: a name of 32 bytes and a value each. The lane stores them as a chore.

use std::sync::atomic::Ordering;

use super::cell::Word;
use super::layout::{NAME_BYTES, ROW_WORDS, pack_name, unpack_name};
use super::region::{ReadSpan, WriteSpan};
use super::ring::Words;

const VALUE: usize = NAME_BYTES / 8;

/// The writer's half.
#[derive(Debug)]
pub(crate) struct CountersWriter {
    span: WriteSpan,
}

impl CountersWriter {
    pub fn new(span: WriteSpan, names: &[String]) -> Self {
        for (line, name) in span.words().chunks_exact(ROW_WORDS).zip(names) {
            for (word, value) in line.iter().zip(pack_name(name.as_bytes(), 0)) {
                word.store(value, Ordering::Relaxed);
            }
        }
        Self { span }
    }

    #[inline]
    pub fn set(&self, index: usize, value: u64) {
        if let Some(word) = index.checked_mul(ROW_WORDS).and_then(|at| self.span.words().get(at + VALUE)) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Takes over the values of an earlier epoch.
    pub fn copy_values(&self, from: &Self) {
        for (index, line) in from.span.words().chunks_exact(ROW_WORDS).enumerate() {
            if let Some(word) = line.get(VALUE) {
                self.set(index, word.load(Ordering::Relaxed));
            }
        }
    }
}

/// The names and values.
pub(crate) fn read(span: &ReadSpan) -> Vec<(String, u64)> {
    let rows = span.words().chunks_exact(ROW_WORDS);
    rows.map(|line| {
        let mut words = [0; VALUE + 1];
        for (value, word) in words.iter_mut().zip(line) {
            *value = word.load(Ordering::Relaxed);
        }
        let [n0, n1, n2, n3, value] = words;
        (unpack_name([n0, n1, n2, n3]), value)
    })
    .collect()
}
