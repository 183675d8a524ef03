#include "textflag.h"

// func prlimit(old *[2]uint64) uint64
TEXT ·prlimit(SB),NOSPLIT,$0-16
	MOVQ	$302, AX // prlimit64
	MOVQ	$0, DI   // this process
	MOVQ	$7, SI   // RLIMIT_NOFILE
	MOVQ	$0, DX   // nothing to set
	MOVQ	old+0(FP), R10
	SYSCALL
	MOVQ	AX, ret+8(FP)
	RET
