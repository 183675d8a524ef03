package filejson

import (
	"path/filepath"
	"strconv"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// place holds the keys that tell where lines go and how files are rotated.
type place struct {
	Path     string        `mapstructure:"path" hark:"required" doc:"file that lines are appended to; backups are beside it"`
	MaxSize  int64         `mapstructure:"max_size" hark:"size" doc:"size at which a new file is begun; 0: never"`
	Every    time.Duration `mapstructure:"rotate_every" doc:"time after which a new file is begun; 0: never"`
	Backups  int           `mapstructure:"backups" doc:"how many files are kept beside it; older ones are removed"`
	Compress string        `mapstructure:"compress" choices:"none,gzip,zstd" doc:"how backups are compressed"`
	Mode     string        `mapstructure:"mode" doc:"mode of files, octal"`
	Sync     bool          `mapstructure:"sync" doc:"have each batch on the disk before it counts as written"`

	mode uint32
}

// sinkConfig holds the keys of [logsink:x] with plugin = file-json.
type sinkConfig struct {
	place
	MaxLine int           `mapstructure:"max_line" hark:"size" doc:"longest line; a longer one comes in pieces"`
	Idle    time.Duration `mapstructure:"flush_after" doc:"an unfinished line is written when nothing has followed it for so long"`
}

// notifierConfig holds the keys of [notifier:x] with plugin = file-json.
type notifierConfig struct{ place }

func defaultPlace() place {
	return place{MaxSize: 50 << 20, Backups: 10, Compress: "gzip", Mode: "0640"}
}

func sinkDefaults() sinkConfig {
	return sinkConfig{place: defaultPlace(), MaxLine: 64 << 10, Idle: time.Second}
}

const (
	minSize  = 4 << 10               // of max_size: less would begin a file with nearly each batch
	minEvery = time.Second           // names of backups have the time in them
	minIdle  = 10 * time.Millisecond // of flush_after
	minLine  = 64                    // of max_line, in bytes
	maxLine  = 1 << 20
	maxKept  = 10000 // of backups
)

// Validate checks what one key alone cannot tell.
func (p *place) Validate() error {
	if !filepath.IsAbs(p.Path) || filepath.Clean(p.Path) == "/" {
		return &sdk.ConfigError{Key: "path", Text: "must be an absolute path"}
	}
	if p.MaxSize != 0 && p.MaxSize < minSize {
		return &sdk.ConfigError{Key: "max_size", Text: "must be at least 4KB, or 0"}
	}
	if p.Every != 0 && p.Every < minEvery {
		return &sdk.ConfigError{Key: "rotate_every", Text: "must be at least a second, or 0"}
	}
	if p.Backups < 0 || p.Backups > maxKept {
		return &sdk.ConfigError{Key: "backups", Text: "must be from 0 to 10000"}
	}
	mode, err := strconv.ParseUint(p.Mode, 8, 32)
	if err != nil || mode > 0o777 || mode&0o200 == 0 {
		return &sdk.ConfigError{Key: "mode", Text: "must be octal, such as 0640, and let the owner write"}
	}
	p.mode = uint32(mode)
	return nil
}

// Validate checks what one key alone cannot tell.
func (c *sinkConfig) Validate() error {
	if c.Idle < minIdle {
		return &sdk.ConfigError{Key: "flush_after", Text: "must be at least 10ms"}
	}
	if c.MaxLine < minLine || c.MaxLine > maxLine {
		return &sdk.ConfigError{Key: "max_line", Text: "must be from 64 bytes to 1MB"}
	}
	return c.place.Validate()
}
