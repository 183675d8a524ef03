{-# LANGUAGE OverloadedStrings #-}
-- Haskell: ByteString. A String is read by the locale, and dies of an ü without one.
module Main (main) where

import Control.Applicative ((<|>))
import qualified Data.ByteString.Char8 as B
import Data.Maybe (listToMaybe, mapMaybe)
import System.Exit
import System.IO

say :: B.ByteString -> IO ()
say text = B.putStr text >> hFlush stdout

value :: B.ByteString -> [B.ByteString] -> Maybe Int
value key = fmap fst . listToMaybe . mapMaybe (\w -> B.stripPrefix key w >>= B.readInt)

main :: IO ()
main = do
  say "READY\n"
  end <- isEOF
  if end then exitSuccess else pure ()
  tokens <- B.split ' ' <$> B.getLine
  case value "bytes:" tokens <|> value "len:" tokens of
    Nothing -> exitFailure
    Just size -> do
      payload <- B.hGet stdin size
      if B.length payload < size then exitFailure else say "RESULT 2\nOK"
  main
