// Rekor v1 with Trillian in one process, its tree in memory: the real log without a database.
package main

import (
	"context"
	"log"
	"net"

	"github.com/google/trillian/extension"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/testonly/integration"
	"github.com/sigstore/rekor/cmd/rekor-server/app"
	"github.com/spf13/viper"
)

func main() {
	trees := memory.NewTreeStorage()
	env, err := integration.NewLogEnvWithRegistry(context.Background(), 1, extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees),
		LogStorage:   memory.NewLogStorage(trees, nil),
		QuotaManager: quota.Noop(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer env.Close()
	_, port, err := net.SplitHostPort(env.Address)
	if err != nil {
		log.Fatal(err)
	}
	viper.Set("trillian_log_server.address", "127.0.0.1")
	viper.Set("trillian_log_server.port", port)
	app.Execute()
}
