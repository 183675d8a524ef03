// Package core is the supervisor: one loop owns every group, process and
// listener pool, steps their machines, and publishes what happens as events.
package core
