package main

// processTable is the memory of the system's processes at one moment, by pid.
type processTable map[int]processMemory

type processMemory struct {
	parent int
	rss    int64 // resident memory, in bytes
}

// rss is the resident memory of a process, with those of its descendants if so
// wished; false if there is no such process.
func (t processTable) rss(pid int, cumulative bool) (int64, bool) {
	p, ok := t[pid]
	if !ok || !cumulative {
		return p.rss, ok
	}
	children := map[int][]int{}
	for child, m := range t {
		children[m.parent] = append(children[m.parent], child)
	}
	sum := int64(0)
	seen := map[int]bool{} // a parent may have died and its pid been given again
	for todo := []int{pid}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[next] {
			continue
		}
		seen[next] = true
		sum += t[next].rss
		todo = append(todo, children[next]...)
	}
	return sum, true
}
