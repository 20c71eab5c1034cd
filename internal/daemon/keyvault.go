package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// keyVaults reads secrets from Azure Key Vaults. The zero value is usable.
type keyVaults struct {
	// identity is as whom to ask; nil means whom the environment says that this
	// service is.
	identity azcore.TokenCredential
	// http carries the requests; nil means the network.
	http *http.Client

	clients map[string]*azsecrets.Client // by host
}

// vaultTimeout bounds the reading of one secret, signing in included.
const vaultTimeout = 20 * time.Second

// vaultClouds are the domains of Key Vaults, and where one signs in for them.
// No other host is ever asked, or told who this service is.
var vaultClouds = map[string]cloud.Configuration{
	"vault.azure.net":         {}, // the public cloud, or what AZURE_AUTHORITY_HOST says
	"vault.azure.cn":          cloud.AzureChina,
	"vault.usgovcloudapi.net": cloud.AzureGovernment,
}

// vaultAddress matches where a secret is, or a certificate: that lies there as a
// secret of the same name, with its private key.
var vaultAddress = regexp.MustCompile(`^https://([0-9A-Za-z-]{3,24}\.([a-z.]+))/(?:secrets|certificates)/([0-9A-Za-z-]{1,127})(?:/([0-9A-Za-z]{1,64}))?/?$`)

var errVaultAddress = errors.New(`that is no address in an Azure Key Vault: write "keyvault:https://VAULT.vault.azure.net/secrets/NAME"`)

// read is the secret at address.
func (k *keyVaults) read(ctx context.Context, address string) (string, error) {
	parts := vaultAddress.FindStringSubmatch(address)
	if parts == nil {
		return "", errVaultAddress
	}
	host, domain, name, version := parts[1], parts[2], parts[3], parts[4]
	in, ok := vaultClouds[domain]
	if !ok {
		return "", errVaultAddress
	}
	client, err := k.client(host, in)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, vaultTimeout)
	defer cancel()
	answer, err := client.GetSecret(ctx, name, version, nil)
	if err != nil {
		return "", explainVault(ctx, host, err)
	}
	if answer.Value == nil {
		return "", nil
	}
	return *answer.Value, nil
}

// client is that of the vault at host, which remembers who it is there.
func (k *keyVaults) client(host string, in cloud.Configuration) (*azsecrets.Client, error) {
	if client := k.clients[host]; client != nil {
		return client, nil
	}
	options := azcore.ClientOptions{Cloud: in}
	if k.http != nil {
		options.Transport = k.http
	}
	identity := k.identity
	if identity == nil {
		var err error
		identity, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
		if err != nil {
			return nil, fmt.Errorf("finding out who this service is: %w", err)
		}
	}
	client, err := azsecrets.NewClient("https://"+host, identity, &azsecrets.ClientOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	if k.clients == nil {
		k.clients = map[string]*azsecrets.Client{}
	}
	k.clients[host] = client
	return client, nil
}

// explainVault is err in one line. The library's own text has whole answers in
// it.
func explainVault(ctx context.Context, host string, err error) error {
	if refusal, ok := errors.AsType[*azcore.ResponseError](err); ok {
		hint := "see the vault's log"
		switch refusal.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			hint = "give this service's identity the role \"Key Vault Secrets User\" there, and let its network in"
		case http.StatusNotFound:
			hint = "there is no such secret, or no such version"
		}
		return fmt.Errorf("%s answered %d (%.60q): %s", host, refusal.StatusCode, refusal.ErrorCode, hint)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s, or where one signs in for it, did not answer within %s", host, vaultTimeout)
	}
	const longest = 1000
	text := strings.Join(strings.Fields(err.Error()), " ")
	return fmt.Errorf("%s: %.*s", host, longest, text)
}
