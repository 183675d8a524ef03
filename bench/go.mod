module github.com/hark-supervisor/hark/bench

go 1.26.0
