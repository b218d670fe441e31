import base64
import io
import zipfile
import zlib

import numpy as np
import pytest

from genjax.scoring import weight_files
from genjax.types import UserError

# What PyTorch 2.13 and safetensors 0.8 wrote. For both of PyTorch's layouts:
#   base = torch.arange(24.0)
#   tensors = collections.OrderedDict(
#     view=base[2:14].reshape(3, 4).t(),
#     bias=torch.nn.Parameter(base),
#     count=torch.tensor(7),
#     half=torch.tensor([0.5, -2.0], dtype=torch.float16),
#   )
#   tensors._metadata = collections.OrderedDict({"": {"version": 1}})  # as a module's state has
#   torch.save(tensors, stream, _use_new_zipfile_serialization=...)
#   arrays = {"view": view.contiguous(), "count": count, "half": half}
#   safetensors.torch.save(arrays, {"format": "pt"})
#   base64.b85encode(zlib.compress(written, 9))
ARCHIVE = (
  b"c-o~^%Wl(95WR5{H#N`~(3S$Fyi=edNz)|d)iy!~$w;K(p@>cDCZ@4)<BWY%9uiUol*bM>h!tW9J9e;ZCB6WV5DOL{7Kjz"
  b"Uz+5{`ZI`qHu5x0<x#!Fo-<fe%@&^bBg~+PaLAr=+6wB(Ia<n8<Ia0l*iJ3NX#kJ<SVo}#LrASr1VhZPtl42;O(`u0lKn8"
  b"Q*3+GXv%&E$C;EGg7!APM-Rm~I%hB94KwNim96;n3~b8!Lu;c&hM_nWv=o>3rRQv^}dWqQHBDL^pq!#z>p^M1S*t2JnmdM"
  b"Sh^B~A)R{`=4>`J}*o5FVA8hYb`q=3tX$WLlL?Xlr7mDjV{wLKQ=R_A**22g<=RU$(?MCM6>EE<mT`TYxTGcr%49IoSHp`"
  b"qBLWdUDX44>C)7twLd&tx-?moL-q}WYA}25QFU~?xU~+#Rms%(VZ0fbFj;DTb8w}FyN9oi?<pwyDgbG>_Hih!d~W)TY!Dc"
  b"<9=K20EL4&2-j}IV7?VM7cfDYohKZ!{y&^&hYd$=!;tml=M=-lqlAd$Gfi_kl9gIQTe=qCeZxo$*`@{4L;4y86S=AzvobB"
  b"z)x=D<r*4*4jOoAm_2n*0grT{9A4#p~*9)W|YwAp8R;f@iGu$M^nk$)L2F9+#PYy$HYZ~YzV+{k-H>sktViz;V|0VA7(o{"
  b"+{g?U&w`F$IYQTR1Iw2@P;t~?qQGsphJfUP<|hF|0OLChmwAeInc5o7{q0b&3VMT{e|h$%!BF^_nNc#L?4c!79{c#U{F!7"
  b"{ru@uf0_LR0Hxw$GheOw0_dn^{Yp&Eix){m_|kXq`AG+;QS!CjHM(kfg~Hi+%4^{xR#=z?!k!9Tn7QjsL2jVSz<||9s}s`"
  b"t{pS;wuegrEV&QiXC)IX4AW%mc&ftFU>^LiP1zlolc}ilOxeYIyF2JjYUV|qp?&pnI0ZV#!{)|XxwV^)W^%=F!~5vE`7{w"
  b"!>4n^bgXjjeGhrr&H>WnV#YYqY$$m}oI{|`CGx~6vTE{pb)1dd>C)-)lhp&nOLulln~VO`PdvTv<vKgS&8-GJ+?bc^tYA0"
  b"yvzHt9a-H?p?&4ky5^u$O$<DIqcac9h$bT-_ti<z2mdo2e)L^!Hu4g#=dV^mc7rZq&7V94DH&2kaIjz=yd+%>$jRle"
)
STREAM = (
  b"c-nQ6OK;Oa6oto*(@;Z8c&9wWJK+%;nkMOrRzg)J^JvY+8)O`3sEv%BYmbXSij+-CV8xOJi!Qrl$+AC%Ek6N?1;=(<5h;x"
  b"PjpaKt_ndn@1NpP+{rR@~yZmN%eXcf;pZ>~W?h~sRMaEb!3`AfDp1H-t$PIjwu)&zYisuU9ag+O9*YZgo87hL}eUF=w`+-"
  b"N4>yuJ3@(4yw5DLm`vXR4=>kFFF6hldJ1pX!!G$oFqX+y^2wtz~cJ`cM*<lV=vEmUGvouo>7V$0?4NVY`~+D^@kh3iGC8S"
  b"+l-dR<d+KMF!~>!C`yO2sH7+SqAra#FG*>Z%u5;zbrzDR0bT&(gxue4|lcXtnFjW`m|un|3dTv(hs`M>aHBQ?%SRO>2^-Y"
  b"?J!QNgN#&bWEq2)K<r}BAWe=t)3NHZ@J*1O2-`-a};NyaM8&GPi$yRD-G$SCJpISCU#oT8J*6K(vNc=sif0f+FUz`(a`f*"
  b"-u)t<psj~BUKp2Z)$8pBU4)bbsY{TmRx^pqg0ARPPU~?j?=@W=OS*>8VbW`3N!zW(#$uDMBdLs}HxmEykZvaaZ)M4E3##Z"
  b";jr(-Rn8r~P4Y9hGu;^~Oe$POV(fvNv(*JgF-5zLC6h$3ekC(}noKT81sg?31e>q;0ST+j#?-KiW3?5-x#sdam2ke2LfUP"
  b"iA1Z6M}mccrB1$tlrM&Jwh3U<IQ_zr%o$OjT_w)YncIo@R"
)
SAFETENSORS = (
  b"c-p(b00GrX@$tE-C5b7CC5iFzN><fMY57IDi6u%_N(CiKwK_`4`K5U!An}xv%7Rp&u&0@cl8#bwMk0t89jl`R)|#J|R-9T"
  b"=3=}cYv4{ogE6YqRN7m+MY=orEM8_CYr-hEG8AxkJVon;0Rzou+twxv{P0e)73}S0*6%-WM8Q{Qyf#CoUD>wp~K>7g?8vx"
  b"l2K$-z02E+@1Yylu0;K*RXZ~y>L{z@e"
)
WRITTEN = {
  name: zlib.decompress(base64.b85decode(packed))
  for name, packed in {"zip": ARCHIVE, "stream": STREAM, "safetensors": SAFETENSORS}.items()
}
VIEW = [[2, 6, 10], [3, 7, 11], [4, 8, 12], [5, 9, 13]]


def read(tmp_path, content):
  path = tmp_path / "a.weights"  # a suffix that says nothing
  path.write_bytes(content)
  return weight_files.read(str(path))


def refusal(tmp_path, content):
  with pytest.raises(UserError, match=r"a\.weights: not a readable file of weights") as error:
    read(tmp_path, content)
  assert "\n" not in str(error.value)
  return str(error.value)


def rezipped(content, change):
  """The archive with `change(name, content of the member)` for its members."""
  old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
  with zipfile.ZipFile(new, "w") as archive:
    for name in old.namelist():
      archive.writestr(name, change(name, old.read(name)))
  return new.getvalue()


def repickled(kind, old, new):
  """What PyTorch wrote, with other bytes in its pickle."""
  assert WRITTEN[kind].count(old) == 1
  if kind == "stream":
    return WRITTEN[kind].replace(old, new)
  return rezipped(WRITTEN[kind], lambda _, content: content.replace(old, new))


@pytest.mark.parametrize("kind", ["zip", "stream"])
def test_tensors_of_pytorch(tmp_path, kind):
  arrays = read(tmp_path, WRITTEN[kind])
  assert list(arrays) == ["view", "bias", "count", "half"]
  assert arrays["view"].tolist() == VIEW
  assert arrays["bias"].tolist() == list(range(24))
  assert arrays["count"].tolist() == 7
  assert arrays["half"].tolist() == [0.5, -2]
  assert [str(x.dtype) for x in arrays.values()] == ["float32", "float32", "int64", "float16"]


def test_arrays_of_safetensors(tmp_path):
  arrays = read(tmp_path, WRITTEN["safetensors"])
  assert arrays.keys() == {"view", "count", "half"}
  assert arrays["view"].tolist() == VIEW
  assert arrays["count"].tolist() == 7
  assert arrays["half"].tolist() == [0.5, -2]
  assert arrays["view"].dtype == np.float32


def test_arrays_of_npz(tmp_path):
  stream = io.BytesIO()
  np.savez_compressed(stream, **{"fc.weight": np.float32(VIEW)})
  arrays = read(tmp_path, stream.getvalue())
  assert list(arrays) == ["fc.weight"]
  assert arrays["fc.weight"].tolist() == VIEW


@pytest.mark.parametrize("kind", ["zip", "stream"])
@pytest.mark.parametrize("named", ["builtins\nprint", "os\nsystem", "torch\nload"])
def test_a_pickle_runs_nothing(tmp_path, capsys, kind, named):
  content = repickled(kind, b"torch._utils\n_rebuild_parameter", named.encode())
  assert f"it names {named.replace(chr(10), '.')}; only tensors are read" in refusal(
    tmp_path, content
  )
  assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", ["zip", "stream"])
def test_a_view_lies_within_its_storage(tmp_path, kind):
  # Offset 2 and shape (4, 3) of 24 entries: up to offset 12 they fit.
  old, new = b"K\x02K\x04K\x03\x86", b"K\x0cK\x04K\x03\x86"
  assert read(tmp_path, repickled(kind, old, new))["view"][-1, -1] == 23
  assert "strides" in refusal(tmp_path, repickled(kind, old, b"K\x0dK\x04K\x03\x86"))
  # Strides (1, 4): with 9 the last entry is 2 + 3 + 2 * 9.
  old = b"K\x01K\x04\x86"
  assert read(tmp_path, repickled(kind, old, b"K\x01K\x09\x86"))["view"][-1, -1] == 23
  assert "strides" in refusal(tmp_path, repickled(kind, old, b"K\x01K\x0a\x86"))


def test_a_storage_has_its_size(tmp_path):
  content = rezipped(
    WRITTEN["zip"], lambda name, content: content + bytes(4 * name.endswith("/data/0"))
  )
  assert "storage 0 has 100 bytes; expected 96" in refusal(tmp_path, content)


@pytest.mark.parametrize(
  ("old", "new", "said"),
  [
    (b"\0storage", b"\0modules", "it holds a modules that is no plain storage"),
    (b"K\x02Nt", b"K\x02\x88t", "no plain storage"),  # views of storages, before PyTorch 0.4
  ],
)
def test_other_references(tmp_path, old, new, said):
  assert said in refusal(tmp_path, repickled("stream", old, new))


@pytest.mark.parametrize(
  ("pickled", "said"),
  [
    (b"\x80\x02]q\x00.", "it holds a list; expected a dictionary of tensors"),
    (b"\x80\x02}X\x05\x00\x00\x00epochK\x03s.", "'epoch' is a int; expected a tensor"),
    (b"\x80\x02X\x01\x00\x00\x00xQ.", "ValueError"),  # a reference to no storage
  ],
)
def test_only_a_dictionary_of_tensors_is_read(tmp_path, pickled, said):
  content = rezipped(
    WRITTEN["zip"], lambda name, content: pickled if name.endswith("data.pkl") else content
  )
  assert said in refusal(tmp_path, content)


def test_only_little_endian_tensors_are_read(tmp_path):
  content = rezipped(
    WRITTEN["zip"], lambda name, content: b"big" if name.endswith("byteorder") else content
  )
  assert "big-endian" in refusal(tmp_path, content)
  # NEWTRUE after the key, and NEWFALSE.
  content = WRITTEN["stream"].replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89")
  assert "little-endian" in refusal(tmp_path, content)


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_cut_file(tmp_path, kind):
  content = WRITTEN[kind]
  for length in range(0, len(content) - 1, 29):
    refusal(tmp_path, content[:length])


def test_a_damaged_archive(tmp_path):
  content = WRITTEN["zip"]
  at = content.index(np.arange(24, dtype="<f4").tobytes())
  assert "CRC" in refusal(tmp_path, content[:at] + b"\x01" + content[at + 1 :])


@pytest.mark.parametrize(
  ("old", "new", "said"),
  [
    (b"[8,56]", b"[8,52]", "invalid shape, data type, or offset"),
    (b"[56,60]", b"[52,60]", "invalid offset for tensor `half`"),
    (b"F16", b"F19", "unknown variant `F19`"),
  ],
)
def test_a_damaged_header(tmp_path, old, new, said):
  content = WRITTEN["safetensors"]
  assert content.count(old) == 1
  assert said in refusal(tmp_path, content.replace(old, new))


@pytest.mark.parametrize(
  ("content", "said"),
  [
    (b"", "neither"),
    (b"<!DOCTYPE html><title>404</title>", "neither"),
    (b"\x80\x02}q\x00.", "EOFError"),
    (b"\x80\x02}.\x80\x02}.\x80\x02}.\x80\x02}.\x80\x02}.", "a pickle, but not of PyTorch"),
    (b'\x02\0\0\0\0\0\0\0{"', "invalid JSON in header"),
  ],
)
def test_other_files(tmp_path, content, said):
  assert said in refusal(tmp_path, content)


def test_no_file(tmp_path):
  with pytest.raises(UserError, match=r"a\.pth: no such file; expected a \.pth"):
    weight_files.read(str(tmp_path / "a.pth"))
  with pytest.raises(UserError, match="not a readable file"):
    weight_files.read(str(tmp_path))
