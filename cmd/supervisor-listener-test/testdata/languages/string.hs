-- The locale: a String is read by it, and without one the first ü is an invalid byte sequence.
module Main (main) where

import Control.Monad (unless)
import Data.List (isPrefixOf)
import System.IO

main :: IO ()
main = do
  putStr "READY\n" >> hFlush stdout
  end <- isEOF
  unless end $ do
    line <- getLine
    let size = head [read (drop 4 w) | w <- words line, "len:" `isPrefixOf` w] :: Int
    payload <- sequence (replicate size getChar)
    length payload `seq` putStr "RESULT 2\nOK" >> hFlush stdout
    main
