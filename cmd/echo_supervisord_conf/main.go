// Command echo_supervisord_conf prints a commented sample configuration, to be
// redirected into a supervisord.conf. Like Supervisor's it looks at no arguments.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/hark-supervisor/hark/core/config"
)

func main() {
	if _, err := io.WriteString(os.Stdout, config.Sample()); err != nil {
		fmt.Fprintln(os.Stderr, "cannot write the sample:", err)
		os.Exit(1)
	}
}
