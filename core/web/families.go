package web

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// families are the metrics of one scrape on their way to the client library. They are made by hand instead of by
// prometheus.Metric: a thousand processes have six thousand series, and to check, hash and sort each of those costs more
// than all else that a scrape does. So the code that adds them ensures that none is there twice and that labels are in the order of their names.
type families struct{ all []*dto.MetricFamily }

// series is one family, to which its samples are added.
type series struct {
	family *dto.MetricFamily
	names  []string // of the labels
	slab   []sample // room for some more
}

// sample is a metric with its value in one piece of memory.
type sample struct {
	metric  dto.Metric
	gauge   dto.Gauge
	counter dto.Counter
	value   float64
}

// slabSize is how many samples are made at a time.
const slabSize = 128

func (f *families) gauge(name, help string, labels ...string) *series {
	return f.add(dto.MetricType_GAUGE, name, help, labels)
}

func (f *families) counter(name, help string, labels ...string) *series {
	return f.add(dto.MetricType_COUNTER, name, help, labels)
}

func (f *families) add(kind dto.MetricType, name, help string, labels []string) *series {
	name = "hark_" + name
	family := &dto.MetricFamily{Name: &name, Help: &help, Type: &kind}
	f.all = append(f.all, family)
	return &series{family: family, names: labels}
}

// set adds a sample with the values of its labels.
func (s *series) set(value float64, labels ...string) { s.with(pairs(s.names, labels), value) }

// count is set for what is counted.
func (s *series) count(n uint64, labels ...string) { s.set(float64(n), labels...) }

// flag is set for what is so or not.
func (s *series) flag(so bool, labels ...string) { s.set(number(so), labels...) }

// with adds a sample; several may share their labels.
func (s *series) with(labels []*dto.LabelPair, value float64) {
	if len(s.slab) == 0 {
		size := slabSize
		if len(s.family.Metric) == 0 {
			size = 4 // most families are small
		}
		s.slab = make([]sample, size)
	}
	one := &s.slab[0]
	s.slab = s.slab[1:]
	one.value = value
	one.metric.Label = labels
	if *s.family.Type == dto.MetricType_COUNTER {
		one.counter.Value = &one.value
		one.metric.Counter = &one.counter
	} else {
		one.gauge.Value = &one.value
		one.metric.Gauge = &one.gauge
	}
	s.family.Metric = append(s.family.Metric, &one.metric)
}

// pairs are labels. Invalid UTF-8 in a value would make the scraper refuse everything.
func pairs(names, values []string) []*dto.LabelPair {
	made := make([]dto.LabelPair, len(names))
	all := make([]*dto.LabelPair, len(names))
	for i := range names {
		value := strings.ToValidUTF8(values[i], "\uFFFD")
		made[i].Name, made[i].Value = &names[i], &value
		all[i] = &made[i]
	}
	return all
}

func number(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

// sorted is all that has samples, by name, with what the client library gathered itself.
func (f *families) sorted(own []*dto.MetricFamily) []*dto.MetricFamily {
	all := slices.Concat(f.all, own)
	all = slices.DeleteFunc(all, func(m *dto.MetricFamily) bool { return len(m.Metric) == 0 })
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all
}
