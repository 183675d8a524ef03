// Command collector is an OpenTelemetry Collector with the official OTLP receiver: it prints a line of JSON for each log record that arrives.
// This file has only the consumer of the records.
//
//	collector GRPC-ADDRESS HTTP-ADDRESS REFUSALS
//
// While the file REFUSALS exists, records are refused: permanently if it contains "final".
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// record is what is printed.
type record struct {
	Process, Body, Severity string
	Time                    int64 // ns
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: collector GRPC-ADDRESS HTTP-ADDRESS REFUSALS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(grpc, http, refusals string) error {
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": grpc}, "http": map[string]any{"endpoint": http},
	}}).Unmarshal(config); err != nil {
		return err
	}
	take, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		if why, err := os.ReadFile(refusals); err == nil {
			if bytes.Equal(bytes.TrimSpace(why), []byte("final")) {
				return consumererror.NewPermanent(errors.New("we do not want it"))
			}
			return errors.New("we do not want it now")
		}
		return print(logs)
	})
	if err != nil {
		return err
	}
	r, err := factory.CreateLogs(context.Background(), receivertest.NewNopSettings(factory.Type()), config, take)
	if err != nil {
		return err
	}
	if err := r.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
	return r.Shutdown(context.Background())
}

// print prints records; it has done so when it returns.
func print(logs plog.Logs) error {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, r := range scope.LogRecords().All() {
				process, _ := r.Attributes().Get("hark.process")
				if err := to.Encode(record{process.AsString(), r.Body().AsString(), r.SeverityText(), r.Timestamp().AsTime().UnixNano()}); err != nil {
					return err
				}
			}
		}
	}
	_, err := os.Stdout.Write(out.Bytes())
	return err
}
