//! Which NUMA node memory comes from.
//!
//! A lane asks for its own node once, before it allocates: what it then touches first lies there. The policy is "preferred",
//! not "bind": when the node is full the kernel takes memory elsewhere instead of killing the process.
#![allow(unsafe_code)]

use std::io;

/// `MPOL_PREFERRED` of the kernel's ABI.
const MPOL_PREFERRED: libc::c_long = 1;
/// `MPOL_F_NODE | MPOL_F_ADDR`: ask for the node of the page at an address.
const MPOL_F_NODE_OF_ADDRESS: libc::c_long = (1 << 0) | (1 << 1);
/// Bits in our node mask: Linux is built for at most 1024 nodes.
const MAX_NODES: usize = 1024;

/// Future allocations of the calling thread come from `node`, as long as it has room.
/// `EPERM` in a container whose seccomp profile forbids it, `ENOSYS` on a kernel without NUMA, `EINVAL` for a node that is not there.
pub fn prefer_node(node: usize) -> io::Result<()> {
    const BITS: usize = u64::BITS as usize;
    let mut mask = [0u64; MAX_NODES / BITS];
    let Some(word) = mask.get_mut(node / BITS) else { return Err(io::Error::from_raw_os_error(libc::EINVAL)) };
    *word = 1 << (node % BITS);
    // The kernel takes one off the number of bits it is given, hence one more than there are.
    // SAFETY: the kernel reads MAX_NODES bits of `mask`, which lives through the call, and writes nothing.
    match unsafe { libc::syscall(libc::SYS_set_mempolicy, MPOL_PREFERRED, mask.as_ptr(), MAX_NODES + 1) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The node on which the page of `item` lies, to check what [`prefer_node`] brought.
pub fn node_of<T: ?Sized>(item: &T) -> io::Result<usize> {
    let mut node: libc::c_int = -1;
    let address = core::ptr::from_ref(item).cast::<u8>();
    // SAFETY: `node` is a live, writable int; no mask is asked for (null, 0); the address is that of a live reference and
    // is only looked up.
    let failed =
        unsafe { libc::syscall(libc::SYS_get_mempolicy, &mut node, core::ptr::null_mut::<u64>(), 0, address, MPOL_F_NODE_OF_ADDRESS) };
    match failed {
        0 => usize::try_from(node).map_err(|_| io::Error::from_raw_os_error(libc::ENODATA)),
        _ => Err(io::Error::last_os_error()),
    }
}
