(* OCaml: channels are bytes. *)
let say text = print_string text; flush stdout

let value key words =
  let n = String.length key in
  List.find_map
    (fun w -> if String.length w > n && String.sub w 0 n = key then int_of_string_opt (String.sub w n (String.length w - n)) else None)
    words

let () =
  try
    while true do
      say "READY\n";
      let words = String.split_on_char ' ' (input_line stdin) in
      (match (value "bytes:" words, value "len:" words) with
       | Some size, _ | None, Some size -> ignore (try really_input_string stdin size with End_of_file -> exit 1)
       | None, None -> exit 1);
      say "RESULT 2\nOK"
    done
  with End_of_file -> exit 0
