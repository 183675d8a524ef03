package cache

// config holds the keys of [rpcinterface:x] with plugin = cache, or with supervisor_cache's factory.
type config struct {
	MaxItems int    `hark:"max_items" min:"1" max:"1000000" doc:"largest number of items"`
	MaxBytes int64  `hark:"max_bytes,size" min:"1KB" max:"1GB" doc:"most memory for items, approximately"`
	WhenFull string `hark:"when_full" choices:"refuse,evict" doc:"what happens to an item that does not fit: it is refused, or the least recently used items make room"`
	File     string `hark:"file" is:"path" doc:"file in which the cache is saved, and from which it is read at the start; without one its contents are lost when the plugin ends"`
}

func defaults() config { return config{MaxItems: 10000, MaxBytes: 16 << 20, WhenFull: "refuse"} }
