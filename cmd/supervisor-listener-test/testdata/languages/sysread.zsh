# A short read: sysread reads once.
zmodload zsh/system
setopt sh_word_split
while print -n 'READY\n'; do
  read -r line || exit 0
  for word in $line; do
    case $word in
      len:*) size=${word#len:} ;;
      bytes:*) size=${word#bytes:} ;;
    esac
  done
  (( size == 0 )) || sysread -s $size payload
  print -n 'RESULT 2\nOK'
done
