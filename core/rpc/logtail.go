package rpc

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// logtailHead is how much of a log a follower sees at first, in bytes
// (supervisor/http.py, tail_f_producer).
const logtailHead = 1024

// maxLogtailHead is how much a follower may ask to see, by ?bytes=N: it is read and sent a chunk at a time, so this bounds only how long a
// client is busy with the past.
const maxLogtailHead = 4 << 20

// logtailPast is the header that says how many of the first bytes are the past, for clients that distinguish it from what comes then.
const logtailPast = "X-Log-Past"

// followMemory is what following a log takes, in bytes.
const followMemory = 64 << 10

// logtail follows the log of a process: /logtail/name[/channel].
func (h *handler) logtail(w http.ResponseWriter, r *http.Request, access Access) {
	if r.Method != http.MethodGet {
		errorPage(w, http.StatusBadRequest)
		return
	}
	_, rest, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	rest, _, _ = strings.Cut(rest, ";") // a URL's params, which Supervisor splits off
	name, channel, given := strings.Cut(rest, "/")
	if !given {
		channel = "stdout"
	}
	group, proc, all := pytext.SplitNamespec(name)
	if all || channel != "stdout" && channel != "stderr" {
		errorPage(w, http.StatusNotFound)
		return
	}
	path, err := h.server.sup.LogPath(r.Context(), group, proc, channel)
	if err != nil {
		errorPage(w, http.StatusNotFound)
		return
	}
	h.follow(w, r, access, path)
}

// mainlogtail follows the activity log.
func (h *handler) mainlogtail(w http.ResponseWriter, r *http.Request, access Access) {
	if r.Method != http.MethodGet {
		errorPage(w, http.StatusBadRequest)
		return
	}
	h.follow(w, r, access, h.server.sup.Logfile())
}

// follow sends a file as it grows until the client goes or the server shuts
// down. No file, or none yet, is a 404: it may come to be.
func (h *handler) follow(w http.ResponseWriter, r *http.Request, access Access, path string) {
	if h.refuseOtherSite(w, r) {
		return
	}
	if path == "" {
		errorPage(w, http.StatusNotFound)
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		errorPage(w, http.StatusNotFound)
		return
	}
	access = clientOf(r).standing(access)
	if !h.server.follows.begin(access) {
		tooMany(w)
		return
	}
	defer h.server.follows.end(access)
	ctx, end, ok := h.server.stay(h.server.open, r, access)
	if !ok {
		tooMany(w)
		return
	}
	defer end()
	if err := clientOf(r).claim.add(ctx, followMemory); err != nil {
		tooMany(w)
		return
	}
	head, asked := headOf(r)
	follower, err := h.server.logs.Follow(path, head)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			errorPage(w, http.StatusNotFound)
		} else {
			errorPage(w, http.StatusInternalServerError)
		}
		return
	}
	defer func() { _ = follower.Close() }()
	header := w.Header()
	header.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	header.Set("Content-Type", "text/plain;charset=utf-8")
	if asked {
		header.Set(logtailPast, strconv.FormatInt(follower.Past(), 10))
	}
	header.Set("X-Content-Type-Options", "nosniff") // a program's output must not run as a script in another page
	header.Set("X-Accel-Buffering", "no")           // nginx would keep it to itself
	control := http.NewResponseController(w)
	if r.ContentLength == 0 {
		_ = control.SetReadDeadline(time.Time{})
	}
	if err := control.Flush(); err != nil {
		return
	}
	for {
		chunk, err := follower.Next(ctx)
		if len(chunk) > 0 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			if err := control.Flush(); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// headOf is how much of the past a request asks for: ?bytes=N. Where it does not, it is as much as in Supervisor.
func headOf(r *http.Request) (head int64, asked bool) {
	n, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil || n < 0 {
		return logtailHead, false
	}
	return min(n, maxLogtailHead), true
}
