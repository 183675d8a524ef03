package spool

import "slices"

// acks is the set of positions that need not be handed out (again): acked,
// discarded or lost. All below low are in it.
type acks struct {
	low   uint64
	spans []span // above low, ascending; neither they nor low touch each other
}

// span is a range of positions, both ends included.
type span struct{ first, last uint64 }

// add puts all positions from first to last into the set.
func (a *acks) add(first, last uint64) {
	first = max(first, a.low)
	if last < first {
		return
	}
	if len(a.spans) == 0 && first == a.low { // nearly always
		a.low = last + 1
		return
	}
	i, _ := slices.BinarySearchFunc(a.spans, first, func(s span, first uint64) int {
		if s.last+1 < first {
			return -1
		}
		return 1
	})
	j := i
	for ; j < len(a.spans) && a.spans[j].first <= last+1; j++ {
		first, last = min(first, a.spans[j].first), max(last, a.spans[j].last)
	}
	if first == a.low {
		a.low = last + 1
		a.spans = slices.Delete(a.spans, i, j)
		return
	}
	a.spans = slices.Replace(a.spans, i, j, span{first, last})
}

// has reports whether pos is in the set.
func (a *acks) has(pos uint64) bool { return a.open(pos, pos) == 0 }

// open counts the positions from first to last that are not in the set.
func (a *acks) open(first, last uint64) uint64 {
	first = max(first, a.low)
	if last < first {
		return 0
	}
	n := last - first + 1
	i, _ := slices.BinarySearchFunc(a.spans, first, func(s span, first uint64) int {
		if s.last < first {
			return -1
		}
		return 1
	})
	for ; i < len(a.spans) && a.spans[i].first <= last; i++ {
		n -= min(last, a.spans[i].last) - max(first, a.spans[i].first) + 1
	}
	return n
}

// justBefore counts the positions in the set that lead up to pos without a gap.
func (a *acks) justBefore(pos uint64) uint64 {
	if pos <= a.low {
		return pos - 1
	}
	for _, s := range slices.Backward(a.spans) {
		if s.first < pos {
			if s.last+1 < pos {
				break
			}
			return pos - s.first
		}
	}
	return 0
}

// clone is a copy with at most n spans, the lowest.
func (a *acks) clone(n int) acks {
	return acks{a.low, slices.Clone(a.spans[:min(n, len(a.spans))])}
}
