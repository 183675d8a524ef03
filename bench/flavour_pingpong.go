package main

import (
	"fmt"
	"os/exec"
	"syscall"
)

// pipeFloor is the floor for events: two processes that do nothing but answer each other through pipes.
type pipeFloor struct{}

func (pipeFloor) name() string                       { return "pingpong" }
func (pipeFloor) helpers() []string                  { return nil }
func (pipeFloor) stop() syscall.Signal               { return syscall.SIGTERM }
func (pipeFloor) events() bool                       { return false }
func (pipeFloor) write(*site) error                  { return fmt.Errorf("events only") }
func (pipeFloor) command(*site) ([]string, []string) { return []string{helper("pingpong")}, nil }
func (pipeFloor) logFiles(*site, prog) []string      { return nil }
func (pipeFloor) api() (call, call, bool)            { return call{}, call{}, false }
func (pipeFloor) status(*site) []string              { return nil }

// eventBytes is about what header and payload of an event of the events workload are together.
const eventBytes = 270

// pingPong measures the floor, under the name of the flood it is one for.
func pingPong(f flavour, run int) {
	const w = "W4 events flood bg=0"
	out, err := exec.Command(helper("pingpong"), fmt.Sprint(*evK), fmt.Sprint(eventBytes)).Output()
	var rate, cpu float64
	if err == nil {
		_, err = fmt.Sscan(string(out), &rate, &cpu)
	}
	if err != nil {
		note(f, w, run, "did not run: %v", err)
		return
	}
	rec(f, w, "events/s", "/s", run, rate)
	rec(f, w, "supervisor CPU per event", "us", run, cpu)
}
