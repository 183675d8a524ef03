# zsh: -u0 reads descriptor 0 and no terminal, -k counts bytes without multibyte, and reading none is an error.
setopt no_multibyte sh_word_split
while print -n 'READY\n'; do
  IFS= read -r line || exit 0
  size=
  for word in $line; do
    case $word in
      len:*) size=${size:-${word#len:}} ;;
      bytes:*) size=${word#bytes:} ;;
    esac
  done
  case $size in '' | *[^0-9]*) exit 1 ;; esac
  payload=
  if (( size > 0 )); then
    read -r -u0 -k $size payload || exit 1
  fi
  print -n 'RESULT 2\nOK'
done
