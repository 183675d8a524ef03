#!/usr/bin/env bash
# emitter.bash N: sends N communications.
source hark-listener.bash

for ((i = 0; i < $1; i++)); do
	hark_communicate "é$i"
done
