package cache

import (
	"path/filepath"

	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [rpcinterface:x] with plugin = cache, or with supervisor_cache's factory.
type config struct {
	MaxItems int    `mapstructure:"max_items" min:"1" max:"1000000" doc:"largest number of items"`
	MaxBytes int64  `mapstructure:"max_bytes" min:"1KB" max:"1GB" hark:"size" doc:"most memory for items, approximately"`
	WhenFull string `mapstructure:"when_full" choices:"refuse,evict" doc:"what happens to an item that does not fit: it is refused, or the least recently used items make room"`
	File     string `mapstructure:"file" doc:"file in which the cache is saved, and from which it is read at the start; without one its contents are lost when the plugin ends"`
}

func defaults() config { return config{MaxItems: 10000, MaxBytes: 16 << 20, WhenFull: "refuse"} }

// Validate checks what one key alone cannot tell.
func (c *config) Validate() error {
	if c.File != "" && (!filepath.IsAbs(c.File) || filepath.Clean(c.File) == "/") {
		return &sdk.ConfigError{Key: "file", Text: "must be an absolute path"}
	}
	return nil
}
