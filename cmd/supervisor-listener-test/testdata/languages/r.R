# R: one connection, opened, in binary; stdin() of Rscript is not descriptor 0.
events <- file("stdin", open = "rb")
say <- function(text) {
  cat(text)
  flush(stdout())
}
value <- function(key, words) {
  found <- words[startsWith(words, key)]
  if (length(found) == 0) NA else suppressWarnings(as.integer(substring(found[1], nchar(key) + 1)))
}
repeat {
  say("READY\n")
  line <- suppressWarnings(readLines(events, n = 1, encoding = "bytes"))
  if (length(line) == 0) quit(status = 0)
  words <- strsplit(line, " ", fixed = TRUE, useBytes = TRUE)[[1]]
  size <- value("bytes:", words)
  if (is.na(size)) size <- value("len:", words)
  if (is.na(size)) quit(status = 1)
  if (length(readBin(events, "raw", size)) < size) quit(status = 1)
  say("RESULT 2\nOK")
}
