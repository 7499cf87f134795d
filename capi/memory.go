package main

// #include "gocluster.h"
import "C"

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// No object lies in the first page; Go takes such a value in a pointer variable
// for corruption and ends the process.
const firstPage = 4096

// pointer is the one place where an address of a caller becomes a pointer.
func pointer(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// checkAddress refuses what cannot be the address of size bytes aligned to align.
func checkAddress(name string, address, size, align uintptr) error {
	switch {
	case address == 0:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, name, "is NULL")
	case address < firstPage:
		return fail(C.GOCLUSTER_ERROR_ADDRESS, name, "%#x is not an address", address)
	case size > 0 && address > -size:
		return fail(C.GOCLUSTER_ERROR_ADDRESS, name, "%d bytes at %#x go beyond the address space", size, address)
	case address%align != 0:
		return fail(C.GOCLUSTER_ERROR_ADDRESS, name, "%#x is not aligned to %d bytes", address, align)
	}
	return nil
}

// touching calls f, which reaches memory of the caller, and turns a fault into an
// error. It leaves other panics alone.
func touching(name string, f func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch value := recover(); {
		case value == nil:
		default:
			at, ok := faultAddress(value)
			if !ok {
				panic(value)
			}
			err = fail(C.GOCLUSTER_ERROR_ADDRESS, name, "memory at %#x cannot be reached", at)
		}
	}()
	f()
	return nil
}

// faultAddress tells whether a recovered value is a memory fault, and where.
func faultAddress(value any) (uintptr, bool) {
	fault, ok := value.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return 0, false
	}
	return fault.Addr(), true
}

// load copies a struct out of the caller's memory.
func load[T any](name string, address uintptr) (v T, err error) {
	if err := checkAddress(name, address, unsafe.Sizeof(v), unsafe.Alignof(v)); err != nil {
		return v, err
	}
	err = touching(name, func() { v = *(*T)(pointer(address)) })
	return v, err
}

// store copies a struct into the caller's memory.
func store[T any](name string, address uintptr, v T) error {
	if err := checkAddress(name, address, unsafe.Sizeof(v), unsafe.Alignof(v)); err != nil {
		return err
	}
	return touching(name, func() { *(*T)(pointer(address)) = v })
}

// maxStruct bounds struct_size; more is taken for an uninitialised field.
const maxStruct = 4096

// loadVersioned copies a struct that begins with its struct_size over defaults. A
// shorter one leaves the defaults of the fields it lacks; a longer one must add
// nothing but zeros. All fields after the first eight bytes are eight bytes long.
func loadVersioned[T any](name string, address uintptr, defaults T) (T, error) {
	size, err := load[uint32](name, address)
	if err != nil {
		return defaults, err
	}
	if err := checkStructSize(name, size); err != nil {
		return defaults, err
	}
	if err := checkAddress(name, address, uintptr(size), unsafe.Alignof(defaults)); err != nil {
		return defaults, err
	}
	given := make([]byte, size)
	if err := touching(name, func() { copy(given, unsafe.Slice((*byte)(pointer(address)), size)) }); err != nil {
		return defaults, err
	}
	known := unsafe.Slice((*byte)(unsafe.Pointer(&defaults)), unsafe.Sizeof(defaults))
	if tail := given[min(len(known), len(given)):]; len(bytes.Trim(tail, "\x00")) > 0 {
		return defaults, fail(C.GOCLUSTER_ERROR_STRUCT_SIZE, name, "a field is set that this library (ABI %d.%d, %d bytes) does not know",
			C.GOCLUSTER_ABI_VERSION, C.GOCLUSTER_ABI_MINOR, len(known))
	}
	copy(known, given)
	return defaults, nil
}

// storeVersioned writes the first size bytes of v, and zeros beyond them.
func storeVersioned[T any](name string, address uintptr, size uint32, v T) error {
	if err := checkStructSize(name, size); err != nil {
		return err
	}
	if err := checkAddress(name, address, uintptr(size), unsafe.Alignof(v)); err != nil {
		return err
	}
	known := unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))
	return touching(name, func() {
		out := unsafe.Slice((*byte)(pointer(address)), size)
		clear(out[copy(out, known):])
	})
}

func checkStructSize(name string, size uint32) error {
	if size < 8 || size%8 != 0 || size > maxStruct {
		return fail(C.GOCLUSTER_ERROR_STRUCT_SIZE, name, "struct_size is %d, which no version of this struct has", size)
	}
	return nil
}

// maxPath is Linux's PATH_MAX.
const maxPath = 4096

// loadString copies a string that ends in a zero byte.
func loadString(name string, address uintptr) (text string, err error) {
	if err := checkAddress(name, address, 1, 1); err != nil {
		return "", err
	}
	ended := false
	err = touching(name, func() {
		var b []byte
		for at := address; at != 0 && len(b) < maxPath; at++ {
			c := *(*byte)(pointer(at))
			if ended = c == 0; ended {
				break
			}
			b = append(b, c)
		}
		text = string(b)
	})
	if err == nil && !ended {
		err = fail(C.GOCLUSTER_ERROR_ARGUMENT, name, "is longer than %d bytes", maxPath)
	}
	return text, err
}
