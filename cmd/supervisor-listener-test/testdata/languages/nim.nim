# Nim: readChars of an empty buffer raises.
import std/strutils

proc say(text: string) =
  stdout.write text
  stdout.flushFile

proc value(key: string, words: seq[string]): int =
  for word in words:
    if word.startsWith(key):
      return parseInt(word[key.len .. ^1])
  -1

var line: string
while true:
  say "READY\n"
  if not stdin.readLine(line):
    quit 0
  let words = line.split(' ')
  var size = value("bytes:", words)
  if size < 0:
    size = value("len:", words)
  if size < 0:
    quit 1
  if size > 0:
    var payload = newString(size)
    if stdin.readChars(payload) < size:
      quit 1
  say "RESULT 2\nOK"
