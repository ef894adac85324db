# Exg::Corpus - real messages, from packages of Debian: bounces of many systems, mailing lists, broken MIME, odd character sets.
# Their licences differ, so they are read where they lie and not copied into this tree.
package Exg::Corpus;

use strict;
use warnings;
use Exg::Test;

my @places = (
    '/usr/lib/python3*/test/test_email/data/msg_*.txt',                                    # libpython3.N-testsuite
    '/usr/lib/python3/dist-packages/flufl/bounce/tests/data/*.txt',                        # python3-flufl.bounce
    '/usr/share/gocode/src/github.com/jhillyerd/enmime/testdata/{mail,low-quality,parts}/*.raw',
    '/usr/lib/python3/dist-packages/dkim/tests/data/*.{msg,message}',                      # python3-dkim
    '/usr/share/doc/spamassassin/examples/sample-*.txt',
    '/usr/lib/python3/dist-packages/mailman/*/tests/data/*.eml',
);

# Returns { name => content } with CRLF line ends, as a client sends them.
sub messages
{
    my %found;
    for my $path (map { glob } @places) {
        next if !-f $path || -l $path;
        my $content = slurp($path);
        next if !length $content;
        $content =~ s/\r?\n/\r\n/g;
        $content .= "\r\n" if $content !~ /\r\n\z/;
        $found{ $path =~ s{.*/([^/]+/[^/]+)$}{$1}r } = $content;
    }
    return \%found;
}

1;
