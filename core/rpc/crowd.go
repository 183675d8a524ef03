package rpc

// crowd watches the number of connections, and reports when there are many and when there are few again.
type crowd struct {
	changed chan struct{} // has a value when the number has changed
	stop    chan struct{}
	ended   chan struct{}
}

// watchCrowd begins to watch a number. Many is more than a quarter of most, few less than an eighth. Few is reported at the end, too.
func watchCrowd(tell func(many bool), number func() int, most int) *crowd {
	c := &crowd{changed: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		told := false
		for {
			select {
			case <-c.changed:
			case <-c.stop:
				if told {
					tell(false)
				}
				return
			}
			if n := number(); !told && n > most/4 || told && n < most/8 {
				told = !told
				tell(told)
			}
		}
	}()
	return c
}

// look has the number looked at. It does not block.
func (c *crowd) look() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *crowd) close() {
	close(c.stop)
	<-c.ended
}
