// The most common passwords of at least eight characters, in lower case. Attackers guess them first.

export const commonPasswords: ReadonlySet<string> = new Set(
  `12345678 123456789 1234567890 0123456789 0987654321 9876543210 87654321 11223344 12341234 12121212 123123123 123321123
147258369 789456123 159753456 password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword pass1234
qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx qazwsxedc asdfghjk asdfghjkl zxcvbnm1
zxcvbnm, q1w2e3r4 abcd1234 abc12345 abcdefgh abcdefg1 a1b2c3d4 aa123456 a1234567 a12345678 iloveyou iloveyou1 princess
sunshine football baseball basketball superman batman123 starwars pokemon1 dragon123 monkey123 welcome1 welcome123 letmein1
letmein123 trustno1 whatever computer internet samsung1 michelle jennifer michael1 jordan23 charlie1 ashley12 shadow123
master123 admin123 admin1234 administrator changeme changeme1 changeme123 default1 test1234 testtest testing1 guest123
user1234 root1234 secret123 hello123 helloworld mynoob123 liverpool chelsea1 barcelona arsenal1 corvette mercedes ferrari1
woaini520 woaini1314 5201314520 woaini123 wang1234 zhang123 88888888 66668888 asd123456 qwe123456 zxc123456 qq123456
alice123 bobbob123 hongyan1 hongyan123 correcthorse`.split(/\s+/),
);
