% Octave: fgetl waits for the byte behind the line feed, so the header is read a byte at a time; fread of 0 waits.
1; % a script, though it begins with functions
function say(text)
  printf("%s", text);
  fflush(stdout);
end
function n = value(key, words)
  n = -1;
  for i = 1:numel(words)
    if strncmp(words{i}, key, numel(key))
      n = str2double(words{i}(numel(key) + 1:end));
      return
    end
  end
end
while true
  say("READY\n");
  line = "";
  while true
    c = fread(stdin, 1, "uint8");
    if isempty(c)
      exit(! isempty(line));
    end
    if c == 10
      break
    end
    line(end + 1) = char(c);
  end
  words = strsplit(line, " ");
  size = value("bytes:", words);
  if size < 0
    size = value("len:", words);
  end
  if ! (size >= 0)
    exit(1);
  end
  if size > 0 && numel(fread(stdin, size, "uint8")) < size
    exit(1);
  end
  say("RESULT 2\nOK");
end
