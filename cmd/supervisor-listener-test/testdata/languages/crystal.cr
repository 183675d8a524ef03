# Crystal: read_fully? is nil where the input ended.
def say(text)
  STDOUT.print text
  STDOUT.flush
end

def value(key, words)
  words.find(&.starts_with?(key)).try &.lchop(key).to_i?
end

loop do
  say "READY\n"
  line = STDIN.gets(chomp: false) || exit
  exit 1 unless line.ends_with?('\n')
  words = line.chomp.split(' ')
  size = value("bytes:", words) || value("len:", words) || exit 1
  STDIN.read_fully?(Bytes.new(size)) || exit 1 if size > 0
  say "RESULT 2\nOK"
end
