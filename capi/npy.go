package main

// #include "gocluster.h"
import "C"

import (
	"errors"
	"strings"

	"gocluster/core/dense"
)

var npyDtypes = map[string]C.int32_t{
	"<f4": C.GOCLUSTER_F32, "<f8": C.GOCLUSTER_F64, "<i4": C.GOCLUSTER_I32, "<i8": C.GOCLUSTER_I64,
}

// withNPY opens the file whose name is at address for the time of use.
func withNPY(address uintptr, use func(*dense.File) error) error {
	path, err := loadString("path", address)
	if err != nil {
		return err
	}
	file, err := dense.OpenNPY(path)
	if err != nil {
		return fileError(err)
	}
	err = use(file)
	// The file was only read; closing it has nothing to lose.
	_ = file.Close()
	return err
}

// fileError gives an error of core/dense, which names the file, its code.
func fileError(err error) error {
	var call *callError
	if err == nil || errors.As(err, &call) {
		return err
	}
	return fail(C.GOCLUSTER_ERROR_IO, "path", "%s", strings.TrimPrefix(err.Error(), "dense: "))
}

func npyInfo(path, info uintptr) error {
	return withNPY(path, func(file *dense.File) error {
		a := C.gocluster_array{dtype: npyDtypes[file.DType()], ndim: C.int32_t(file.Dims())}
		item := itemSize(a.dtype)
		a.shape = [2]C.int64_t{C.int64_t(file.Rows()), C.int64_t(file.Cols())}
		a.strides = [2]C.int64_t{C.int64_t(int64(file.Cols()) * item), C.int64_t(item)}
		return store("info", info, a)
	})
}

// npyRead reads straight into the caller's memory: the system call refuses
// memory that is not there.
func npyRead(path uintptr, firstRow int64, address uintptr) error {
	return withNPY(path, func(file *dense.File) error {
		out, err := loadOutput("out", address, anyDtype, nil, file.Dims())
		if err != nil {
			return err
		}
		if err := out.requireDtype([]C.int32_t{npyDtypes[file.DType()]}); err != nil {
			return err
		}
		switch {
		case out.cols != file.Cols():
			return fail(C.GOCLUSTER_ERROR_SHAPE, "out", "shape is %s, and the file has %d columns", out.shape(), file.Cols())
		case firstRow < 0 || firstRow > int64(file.Rows()-out.rows):
			return fail(C.GOCLUSTER_ERROR_SHAPE, "out", "%d rows from row %d on are not in the file, which has %d", out.rows, firstRow, file.Rows())
		case out.empty():
			return nil
		}
		return fileError(file.ReadRows(int(firstRow), out.rows, elements[byte](out)))
	})
}
