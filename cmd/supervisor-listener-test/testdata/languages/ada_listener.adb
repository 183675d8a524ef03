--  Ada: read and write of GNAT.OS_Lib; Text_IO translates line ends and writes one of its own at the end.
with GNAT.OS_Lib; use GNAT.OS_Lib;

procedure Ada_Listener is
   procedure Say (Text : String) is
   begin
      if Write (Standout, Text'Address, Text'Length) < Text'Length then
         OS_Exit (1);
      end if;
   end Say;

   Line : String (1 .. 65_536);
   Last : Natural;

   function Value (Key : String) return Integer is
      First : Positive := 1;
   begin
      for At_End in 1 .. Last + 1 loop
         if At_End = Last + 1 or else Line (At_End) = ' ' then
            if At_End - First > Key'Length and then Line (First .. First + Key'Length - 1) = Key then
               return Integer'Value (Line (First + Key'Length .. At_End - 1));
            end if;
            First := At_End + 1;
         end if;
      end loop;
      return -1;
   exception
      when Constraint_Error => return -1;
   end Value;

   C    : aliased Character;
   Size : Integer;
begin
   loop
      Say ("READY" & ASCII.LF);
      Last := 0;
      loop
         if Read (Standin, C'Address, 1) < 1 then
            OS_Exit ((if Last = 0 then 0 else 1));
         end if;
         exit when C = ASCII.LF;
         Last := Last + 1;
         Line (Last) := C;
      end loop;
      Size := Value ("bytes:");
      if Size < 0 then
         Size := Value ("len:");
      end if;
      if Size < 0 then
         OS_Exit (1);
      end if;
      while Size > 0 loop
         declare
            Part : String (1 .. Integer'Min (Size, 65_536));
            Got  : constant Integer := Read (Standin, Part'Address, Part'Length);
         begin
            if Got < 1 then
               OS_Exit (1);
            end if;
            Size := Size - Got;
         end;
      end loop;
      Say ("RESULT 2" & ASCII.LF & "OK");
   end loop;
end Ada_Listener;
