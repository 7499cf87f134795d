package main

// #include "gocluster.h"
import "C"

func npyInfo(path, info uintptr) error { return fail(C.GOCLUSTER_ERROR_IO, "path", "pending") }

func npyRead(path uintptr, first int64, out uintptr) error {
	return fail(C.GOCLUSTER_ERROR_IO, "path", "pending")
}
