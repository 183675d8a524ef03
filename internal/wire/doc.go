// Package wire is what both ends of the plugin protocol share: how they connect and know each other, the bounds of
// messages, and the words, values and descriptions in them. The plugin's end is in package sdk, the host's in
// internal/pluginrpc.
package wire
