{ Free Pascal: eof before each read, or it reads on forever. }
program listener;
{$mode objfpc}{$H+}
uses
  SysUtils;

procedure Say(const Text: string);
begin
  Write(Text);
  Flush(Output);
end;

function Value(const Key, Line: string): LongInt;
var
  Word, Rest: string;
  At: SizeInt;
begin
  Rest := Line + ' ';
  repeat
    At := Pos(' ', Rest);
    Word := Copy(Rest, 1, At - 1);
    Delete(Rest, 1, At);
    if Copy(Word, 1, Length(Key)) = Key then
      Exit(StrToIntDef(Copy(Word, Length(Key) + 1, 10), -1));
  until Rest = '';
  Result := -1;
end;

var
  Line: string;
  C: Char;
  Size: LongInt;
begin
  repeat
    Say('READY'#10);
    if EOF(Input) then
      Halt(0);
    ReadLn(Line);
    Size := Value('bytes:', Line);
    if Size < 0 then
      Size := Value('len:', Line);
    if Size < 0 then
      Halt(1);
    while Size > 0 do
    begin
      if EOF(Input) then
        Halt(1);
      Read(C);
      Dec(Size);
    end;
    Say('RESULT 2'#10'OK');
  until False;
end.
