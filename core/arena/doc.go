// Package arena gives out large, counted, aligned buffers whose size the
// user's data decides, so that running out of memory is an error and not the
// end of the process.
//
// Buffers live in a Scope and are freed together by its Release. Memory comes
// from the operating system in blocks of whole huge pages and goes back to a
// bounded pool, because first touch of fresh pages costs more than most of the
// work done in them. A small request is a piece of a shared block.
//
// Invariants: every buffer is 64-byte aligned; no element type holds pointers,
// because the garbage collector does not look here; InUse counts exactly the
// blocks that unreleased scopes hold.
//
// Caveats: a buffer must not be used after its scope's Release; nothing checks
// that. Under the race detector, which cannot see mapped memory, and on
// systems other than Linux, blocks are ordinary Go memory.
package arena
