use kumiko_frames::*; use kumiko_vocabulary::control::Unattended; use kumiko_vocabulary::data::*;
fn main(){ let f=Frame::from_rows(&serde_json::json!([{"a": 1, "b": "x"}, {"a": 2, "b": null}])).unwrap();
 let p="/tmp/bench/noise.parquet"; f.write(&mut std::fs::File::create(p).unwrap(),&WriteOptions{format:FileFormat::Parquet,compression:None,delimiter:None},&Unattended).unwrap();
 let good=std::fs::read(p).unwrap();
 let at:Option<usize>=std::env::args().nth(1).map(|a|a.parse().unwrap());
 let mask:u8=std::env::args().nth(2).map(|a|a.parse().unwrap()).unwrap_or(0x55);
 for i in at.map(|a|a..a+1).unwrap_or(4..good.len()-4) { let mut b=good.clone(); b[i]^=mask; std::fs::write(p,&b).unwrap(); eprintln!("{i}/{}",good.len()); let r=Frame::read(std::path::Path::new(p),"x.parquet",&ReadOptions::default(),&Unattended); eprintln!("  {:?}", r.err().map(|e|e.to_string().chars().take(150).collect::<String>())); }
}
