// A short read: read of an array returns what there is.
import java.io.*;

public class Once {
    public static void main(String[] args) throws IOException {
        InputStream in = new BufferedInputStream(System.in);
        while (true) {
            System.out.print("READY\n");
            System.out.flush();
            int size = -1;
            StringBuilder line = new StringBuilder();
            int c;
            while ((c = in.read()) >= 0 && c != '\n') line.append((char) c);
            if (c < 0) return;
            for (String word : line.toString().split(" ")) {
                if (word.startsWith("len:") && size < 0) size = Integer.parseInt(word.substring(4));
                if (word.startsWith("bytes:")) size = Integer.parseInt(word.substring(6));
            }
            in.read(new byte[size]);
            System.out.print("RESULT 2\nOK");
            System.out.flush();
        }
    }
}
