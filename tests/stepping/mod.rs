//! What a thread really executes: every instruction, one by one.
//!
//! With the processor's trap flag set the kernel sends SIGTRAP after each instruction, and the handler looks at the bytes of the next. So nothing that runs is
//! missed, however it was inlined, and nothing that does not run is blamed. A microsecond or two an instruction: for short runs.
#![allow(dead_code)]

use std::arch::asm;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

/// Different places kept of each kind; the counts go on.
const PLACES: usize = 16;

/// What was executed.
#[derive(Debug)]
pub struct Executed {
    pub instructions: u64,
    /// Atomic read-modify-writes and full fences: what any lock, reference count or shared counter is made of.
    pub locked: Places,
    pub system_calls: Places,
}

/// How often something was executed, and where first: addresses in the program's file, as `addr2line -f -i -e FILE` takes them.
#[derive(Debug)]
pub struct Places {
    pub count: u64,
    pub first: Vec<String>,
}

struct Seen {
    count: AtomicU64,
    places: [AtomicUsize; PLACES],
}

impl Seen {
    const fn new() -> Self {
        Self { count: AtomicU64::new(0), places: [const { AtomicUsize::new(0) }; PLACES] }
    }

    fn add(&self, place: usize) {
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
        if let Some(kept) = self.places.get(count as usize) {
            kept.store(place, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Places {
        let count = self.count.swap(0, Ordering::Relaxed);
        let kept = self.places[..PLACES.min(count as usize)].iter().map(|place| in_file(place.load(Ordering::Relaxed)));
        Places { count, first: kept.collect() }
    }
}

static INSTRUCTIONS: AtomicU64 = AtomicU64::new(0);
static LOCKED: Seen = Seen::new();
static SYSTEM_CALLS: Seen = Seen::new();

/// Runs `work` on this thread, instruction by instruction. For who is [`alone`].
pub fn executed<R>(work: impl FnOnce() -> R) -> (Executed, R) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    INSTRUCTIONS.store(0, Ordering::Relaxed);
    let stepping = Stepping::begin();
    let result = work();
    drop(stepping);
    (Executed { instructions: INSTRUCTIONS.load(Ordering::Relaxed), locked: LOCKED.take(), system_calls: SYSTEM_CALLS.take() }, result)
}

/// One test at a time: the counts are the process's, and a test that waits for another in its midst has no time of its own.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

fn install() {
    // SAFETY: the handler touches atomics and the interrupted thread's code alone.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = after_each as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// The trap flag, set while this lives, also where `work` panics.
struct Stepping;

impl Stepping {
    fn begin() -> Self {
        // SAFETY: sets TF and nothing else; the handler is installed.
        unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
        Self
    }
}

impl Drop for Stepping {
    fn drop(&mut self) {
        // SAFETY: clears TF and nothing else.
        unsafe { asm!("pushfq", "and qword ptr [rsp], -0x101", "popfq") };
    }
}

extern "C" fn after_each(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel hands a ucontext to a handler with SA_SIGINFO; the instruction pointer points to what is executed next.
    let (at, kind) = unsafe {
        let context = &*context.cast::<libc::ucontext_t>();
        let at = context.uc_mcontext.gregs[libc::REG_RIP as usize] as *const u8;
        (at, kind(at))
    };
    INSTRUCTIONS.store(INSTRUCTIONS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    match kind {
        Kind::Locked => LOCKED.add(at as usize),
        Kind::SystemCall => SYSTEM_CALLS.add(at as usize),
        Kind::Other => {}
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    Locked,
    SystemCall,
    Other,
}

/// What the instruction there is. Reads no byte behind its opcode's own.
///
/// # Safety
/// An x86-64 instruction begins there.
unsafe fn kind(mut at: *const u8) -> Kind {
    // SAFETY: prefixes are followed by an opcode, and the opcodes below by the byte that is read.
    unsafe {
        loop {
            match *at {
                0xF0 => return Kind::Locked,
                // Sizes, repetition, segments.
                0x66 | 0x67 | 0xF2 | 0xF3 | 0x2E | 0x36 | 0x3E | 0x26 | 0x64 | 0x65 => at = at.add(1),
                // REX, the last of prefixes.
                0x40..=0x4F => {
                    at = at.add(1);
                    break;
                }
                _ => break,
            }
        }
        match *at {
            // xchg with memory locks without a prefix.
            0x86 | 0x87 if *at.add(1) >> 6 != 3 => Kind::Locked,
            0x0F => match *at.add(1) {
                0x05 => Kind::SystemCall,
                // mfence.
                0xAE if *at.add(2) == 0xF0 => Kind::Locked,
                _ => Kind::Other,
            },
            _ => Kind::Other,
        }
    }
}

/// An address as a file's name and the place in it.
fn in_file(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut starts = BTreeMap::new();
    for line in maps.lines() {
        let range = line.split_once('-').and_then(|(from, rest)| {
            Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(rest.split_whitespace().next()?, 16).ok()?))
        });
        let name = line.split_whitespace().nth(5).unwrap_or("");
        let Some((from, to)) = range else { continue };
        let start = *starts.entry(name.to_owned()).or_insert(from);
        if (from..to).contains(&address) {
            return format!("{name} {:#x}", address - start);
        }
    }
    format!("{address:#x}")
}
