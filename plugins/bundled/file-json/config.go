package filejson

import (
	"path/filepath"
	"strconv"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// place holds the keys that say where lines go and how files are rotated.
type place struct {
	Path     string        `hark:"path,required" is:"path" doc:"file that lines are appended to; backups are beside it"`
	MaxSize  int64         `hark:"max_size,size,zero" min:"4KB" doc:"size at which a new file is begun; 0: never"`
	Every    time.Duration `hark:"rotate_every,zero" min:"1s" doc:"time after which a new file is begun; 0: never"`
	Backups  int           `hark:"backups" min:"0" max:"10000" doc:"how many files are kept beside it; older ones are removed"`
	Compress string        `hark:"compress" choices:"none,gzip,zstd" doc:"how backups are compressed"`
	Mode     string        `hark:"mode" pattern:"0*[2367][0-7]{2}" form:"octal, such as 0640, and let the owner write" doc:"mode of files, octal"`
	Sync     bool          `hark:"sync" doc:"flush each batch to the disk before it counts as written"`

	mode uint32
}

// sinkConfig holds the keys of [logsink:x] with plugin = file-json.
type sinkConfig struct {
	place
	MaxLine int           `hark:"max_line,size" min:"64" max:"1MB" doc:"longest line; longer ones are split"`
	Idle    time.Duration `hark:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is written"`
}

// notifierConfig holds the keys of [notifier:x] with plugin = file-json.
type notifierConfig struct{ place }

func defaultPlace() place {
	return place{MaxSize: 50 << 20, Backups: 10, Compress: "gzip", Mode: "0640"}
}

func sinkDefaults() sinkConfig {
	return sinkConfig{place: defaultPlace(), MaxLine: 64 << 10, Idle: time.Second}
}

// Validate checks what concerns several keys at once.
func (p *place) Validate() error {
	if !filepath.IsAbs(p.Path) || filepath.Clean(p.Path) == "/" {
		return &sdk.ConfigError{Key: "path", Text: "must be an absolute path"}
	}
	mode, err := strconv.ParseUint(p.Mode, 8, 32)
	if err != nil || mode > 0o777 || mode&0o200 == 0 {
		return &sdk.ConfigError{Key: "mode", Text: "must be octal, such as 0640, and let the owner write"}
	}
	p.mode = uint32(mode)
	return nil
}
