-- Reading nothing: io.read(0) waits for the next event.
io.stdout:setvbuf("no")
while true do
  io.write("READY\n")
  local line = io.read("l")
  if not line then break end
  line = " " .. line
  io.read(tonumber(line:match(" bytes:(%d+)") or line:match(" len:(%d+)")))
  io.write("RESULT 2\nOK")
end
