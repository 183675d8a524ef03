# Elixir: as Erlang; binread of 0 waits.
:ok = :os.set_signal(:sigterm, :default)
:ok = :io.setopts(:standard_io, encoding: :latin1)

defmodule Listener do
  def next do
    say("READY\n")

    case IO.binread(:stdio, :line) do
      :eof ->
        System.halt(0)

      line ->
        words = line |> String.trim_trailing("\n") |> String.split(" ")
        payload(value("bytes:", words) || value("len:", words) || System.halt(1))
        say("RESULT 2\nOK")
        next()
    end
  end

  defp say(text), do: IO.binwrite(:stdio, text)

  defp value(key, words) do
    Enum.find_value(words, fn w -> String.starts_with?(w, key) && String.to_integer(String.replace_prefix(w, key, "")) end)
  end

  defp payload(0), do: ""

  defp payload(size) do
    case IO.binread(:stdio, size) do
      p when is_binary(p) and byte_size(p) == size -> p
      _ -> System.halt(1)
    end
  end
end

Listener.next()
