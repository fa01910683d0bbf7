package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/jsii-runtime-go"
)

// adminGroup are the users with the role admin; everybody else has the role user.
const adminGroup = "admin"

// since is the attribute of a user that says from when on tokens count: a changed password ends the older ones.
const since = "since"

// newUsers makes the directory of people. They sign in and up through the API; the pool shows no page of its own. The client may not
// write since, or a stolen token could make itself valid again.
func (a *service) newUsers(c Config) {
	a.users = awscognito.NewUserPool(a.stack, jsii.String("Users"), &awscognito.UserPoolProps{
		UserPoolName: jsii.String(c.name("users")), SelfSignUpEnabled: jsii.Bool(c.SignUp), SignInCaseSensitive: jsii.Bool(false),
		SignInAliases: &awscognito.SignInAliases{Email: jsii.Bool(true)}, AutoVerify: &awscognito.AutoVerifiedAttrs{Email: jsii.Bool(true)},
		AccountRecovery: awscognito.AccountRecovery_EMAIL_ONLY, Mfa: awscognito.Mfa_OFF, FeaturePlan: awscognito.FeaturePlan_ESSENTIALS,
		PasswordPolicy: &awscognito.PasswordPolicy{MinLength: jsii.Number(12), RequireDigits: jsii.Bool(true), RequireLowercase: jsii.Bool(true),
			RequireUppercase: jsii.Bool(true), RequireSymbols: jsii.Bool(true), TempPasswordValidity: awscdk.Duration_Days(jsii.Number(3))},
		CustomAttributes: &map[string]awscognito.ICustomAttribute{since: awscognito.NewStringAttribute(&awscognito.StringAttributeProps{
			Mutable: jsii.Bool(true), MaxLen: jsii.Number(20)})},
		DeletionProtection: jsii.Bool(c.Keep), RemovalPolicy: c.removal()})
	a.client = a.users.AddClient(jsii.String("Client"), &awscognito.UserPoolClientOptions{
		GenerateSecret: jsii.Bool(false), PreventUserExistenceErrors: jsii.Bool(true), DisableOAuth: jsii.Bool(true),
		AuthFlows: &awscognito.AuthFlow{UserPassword: jsii.Bool(true)},
		WriteAttributes: awscognito.NewClientAttributes().WithStandardAttributes(&awscognito.StandardAttributesMask{
			Email: jsii.Bool(true), Fullname: jsii.Bool(true)}),
		AccessTokenValidity:  awscdk.Duration_Hours(jsii.Number(1)),
		IdTokenValidity:      awscdk.Duration_Hours(jsii.Number(1)),
		RefreshTokenValidity: awscdk.Duration_Days(jsii.Number(1)), EnableTokenRevocation: jsii.Bool(true)})
	awscognito.NewCfnUserPoolGroup(a.stack, jsii.String("Admins"), &awscognito.CfnUserPoolGroupProps{UserPoolId: a.users.UserPoolId(),
		GroupName: jsii.String(adminGroup), Description: jsii.String("users with the role admin")})
}
