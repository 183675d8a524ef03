package logs

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAPrinterWritesAllInOrder(t *testing.T) {
	var out bytes.Buffer
	p := NewPrinter(&out, func(n int) { t.Errorf("%d bytes dropped", n) })
	want := ""
	for i := range 1000 {
		line := strings.Repeat("x", i%50) + "\n"
		want += line
		p.Print([]byte(line))
	}
	p.Close(time.Minute)
	if out.String() != want {
		t.Errorf("%d bytes, want %d", out.Len(), len(want))
	}
	p.Print([]byte("late"))
	if out.String() != want {
		t.Error("it prints after Close")
	}
}

func TestAPrinterDropsWholePiecesForAStreamThatIsNotRead(t *testing.T) {
	r, w := io.Pipe()
	var lost atomic.Int64
	p := NewPrinter(w, func(n int) { lost.Add(int64(n)) })
	piece := bytes.Repeat([]byte("y"), 1<<10)
	const pieces = 3 * MaxPrinterQueue >> 10
	for range pieces {
		p.Print(piece) // never blocks: nobody reads
	}
	read := make(chan int, 1)
	go func() {
		n, _ := io.Copy(io.Discard, r)
		read <- int(n)
	}()
	p.Print([]byte("z"))
	p.Close(time.Minute)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := <-read
	dropped := int(lost.Load()) + p.lost
	if n+dropped != pieces*len(piece)+1 || dropped == 0 || n < MaxPrinterQueue {
		t.Errorf("%d read, %d dropped of %d", n, dropped, pieces*len(piece)+1)
	}
}

func TestClosingAPrinterWaitsNoLongerThanItMay(t *testing.T) {
	r, w := io.Pipe()
	p := NewPrinter(w, nil)
	p.Print([]byte("x"))
	p.Close(time.Millisecond)
	_ = r.Close() // which ends its goroutine
	<-p.done
}
