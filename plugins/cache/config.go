package cache

import (
	"path/filepath"

	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [rpcinterface:x] with plugin = cache, or with supervisor_cache's factory.
type config struct {
	MaxItems int    `mapstructure:"max_items" min:"1" max:"1000000" doc:"how many items there may be"`
	MaxBytes int64  `mapstructure:"max_bytes" min:"1KB" max:"1GB" hark:"size" doc:"how much memory items may take, about"`
	WhenFull string `mapstructure:"when_full" choices:"refuse,evict" doc:"what becomes of an item that does not fit: it is refused, or those used longest ago make room"`
	File     string `mapstructure:"file" doc:"file in which the cache is saved, and read again at the start; without one it is gone when the plugin ends"`
}

func defaults() config { return config{MaxItems: 10000, MaxBytes: 16 << 20, WhenFull: "refuse"} }

// Validate checks what one key alone cannot tell.
func (c *config) Validate() error {
	if c.File != "" && (!filepath.IsAbs(c.File) || filepath.Clean(c.File) == "/") {
		return &sdk.ConfigError{Key: "file", Text: "must be an absolute path"}
	}
	return nil
}
