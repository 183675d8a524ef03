/* C: stdio on both sides, flushed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* number is that of a whole word, -1 where it is none. */
static long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end ? n : -1;
}

static void say(const char *text)
{
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
		exit(1); /* nobody reads: SIGPIPE is ignored, so one must look */
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;

	for (;;) {
		char *word;
		long size = -1, wide = -1;
		ssize_t n;

		say("READY\n");
		n = getline(&line, &room, stdin);
		if (n <= 0)
			return 0;
		if (line[n - 1] != '\n')
			return 1;
		for (word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
			if (!strncmp(word, "len:", 4))
				size = number(word + 4);
			else if (!strncmp(word, "bytes:", 6))
				wide = number(word + 6);
		}
		if (wide >= 0)
			size = wide;
		if (size < 0)
			return 1;
		while (size-- > 0)
			if (getchar() == EOF)
				return 1;
		say("RESULT 2\nOK");
	}
}
