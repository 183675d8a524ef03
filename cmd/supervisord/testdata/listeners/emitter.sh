#!/bin/sh
# emitter.sh N: sends N communications.

i=0
while [ "$i" -lt "$1" ]; do
	printf '<!--XSUPERVISOR:BEGIN-->%s<!--XSUPERVISOR:END-->' "é$i"
	i=$((i + 1))
done
